"""Imported by the configs for ImageNet, in place of a longer error where MMPretrain is missing."""

try:
    import mmpretrain  # noqa: F401
except ImportError as error:
    # No ImportError: MMEngine would replace it by one that says less.
    raise RuntimeError(f'ImageNet pre-training needs MMPretrain ({error}); '
                       'install it: mim install "mmpretrain>=1.2.0"') from error
