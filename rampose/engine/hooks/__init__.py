from .attention import AttentionHook
from .bad_cases import BadCasesHook
from .channels_last import ChannelsLastHook
from .compile import CompileHook
from .durable_checkpoint import DurableCheckpointHook
from .early_stopping import LearnedEarlyStoppingHook
from .epoch_summary import EpochSummaryHook
from .invalid_loss import StopOnInvalidLossHook
from .keypoint_number import KeypointNumberHook
from .prediction_pictures import PredictionPicturesHook
from .sample_seed import SampleSeedHook

__all__ = [
    'AttentionHook', 'BadCasesHook', 'ChannelsLastHook', 'CompileHook', 'DurableCheckpointHook', 'EpochSummaryHook',
    'KeypointNumberHook', 'LearnedEarlyStoppingHook', 'PredictionPicturesHook', 'SampleSeedHook',
    'StopOnInvalidLossHook'
]
