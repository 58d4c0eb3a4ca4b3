from .attention import AttentionHook
from .channels_last import ChannelsLastHook
from .keypoint_number import KeypointNumberHook

__all__ = ['AttentionHook', 'ChannelsLastHook', 'KeypointNumberHook']
