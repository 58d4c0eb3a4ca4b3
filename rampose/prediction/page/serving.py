"""The page on an address: what is sent with it, and what is not."""

from typing import Any, Awaitable, Callable, Optional, Tuple

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response

from .blocks import POLICY, Page

# Greys and accents that can be read on their backgrounds; Gradio's own are too pale for small text.
STYLE = """
.min_value, .max_value, .or { color: var(--body-text-color) !important }
button[role=tab].selected { color: var(--body-text-color) !important; font-weight: 600 }
"""
SESSIONS = 32  # whose image stays in memory, the latest ones
FONTS = ('system-ui', 'sans-serif')  # the visitor's own; Gradio's come from Google


async def _with_policy(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers['Content-Security-Policy'] = POLICY
    response.headers['X-Content-Type-Options'] = 'nosniff'
    response.headers['Referrer-Policy'] = 'no-referrer'
    return response


def serve(page: Page, host: str, port: int, share: bool = False,
          browser: bool = False) -> Tuple[str, Optional[str], Callable[[], Any]]:
    """Serve a page from another thread.

    Args:
        page: What is served.
        host: On which address.
        port: 0 for any that is free.
        share: Also at an address on the internet, by way of Gradio's servers.
        browser: Open it.

    Returns:
        Its address, that on the internet, and what ends it.

    Raises:
        OSError: The port is taken.
    """
    theme = gr.themes.Default(primary_hue=gr.themes.colors.blue, font=list(FONTS),
                              font_mono=['ui-monospace', 'monospace']).set(
        button_primary_background_fill='*primary_700', button_primary_background_fill_hover='*primary_800')
    _, address, shared = page.blocks.launch(
        server_name=host, server_port=port or _free_port(host), share=share, inbrowser=browser,
        prevent_thread_lock=True, quiet=True, show_error=True, max_file_size=page.max_bytes, theme=theme,
        css=STYLE, footer_links=[], state_session_capacity=SESSIONS, run_history=False, enable_monitoring=False,
        ssr_mode=False, pwa=False,
        app_kwargs=dict(middleware=[Middleware(BaseHTTPMiddleware, dispatch=_with_policy)], docs_url=None,
                        redoc_url=None))
    return address, shared, page.blocks.close


def _free_port(host: str) -> int:
    import socket
    with socket.create_server((host, 0), family=socket.AF_INET6 if ':' in host else socket.AF_INET) as listening:
        return listening.getsockname()[1]
