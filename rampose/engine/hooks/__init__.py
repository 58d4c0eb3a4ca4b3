from .attention import AttentionHook
from .channels_last import ChannelsLastHook

__all__ = ['AttentionHook', 'ChannelsLastHook']
