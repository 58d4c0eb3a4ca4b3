from .topdown_ensemble import TopdownEnsemble

__all__ = ['TopdownEnsemble']
