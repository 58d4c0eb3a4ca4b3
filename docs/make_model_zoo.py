"""Write docs/model_zoo.md from the metafiles that model-index.yml names.

    python docs/make_model_zoo.py
"""

from pathlib import Path
from typing import List

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs/model_zoo.md'
REPORTED, MEASURED = 'AP (reported by the paper)', 'AP (measured here)'
HEAD = """# Model zoo

Every config, and what is known of it. **Reported** is what the paper reports and nobody has re-measured here;
**measured** is what this project measured; "-" means nobody did. AP in points. Parameters in millions; multiply-adds /
2^30, the unit of the paper's "GFLOPs", without flip test; both counted here. Checkpoints come with
[two small models](../checkpoints/README.md); to start from others' weights, see
[starting from an HRNet](warm_start.md). What was measured on LSPET, with seeds and intervals: [evidence](evidence.md).

This page is made from the metafiles beside the configs, by `python docs/make_model_zoo.py`.
"""
COLUMNS = ('config', 'input (h x w)', 'parameters', 'multiply-adds', 'AP reported', 'AP measured', 'checkpoint')


def read_models() -> List[dict]:
    """All models of the metafiles, in their order."""
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    return [model for name in index['Import'] for model in yaml.safe_load((ROOT / name).read_text())['Models']]


def row(model: dict) -> List[str]:
    """One line of a table."""
    metadata, metrics = model['Metadata'], model['Results'][0]['Metrics']
    weights = model.get('Weights', '')
    if weights and '://' not in weights:  # it comes with the repository
        weights = f'../{weights}'
    return [
        f'[{model["Name"]}](../{model["Config"]})', metadata['Input Size (h x w)'],
        f'{metadata["Parameters (M)"]:.2f}', f'{metadata["Multiply-adds / 2^30"]:.3f}',
        str(metrics.get(REPORTED, '-')), str(metrics.get(MEASURED, '-')), f'[download]({weights})' if weights else '-'
    ]


def page() -> str:
    """The page's text: a table for each data set that models were made for."""
    tables = {}
    for model in read_models():
        result = model['Results'][0]
        tables.setdefault(f'{result["Task"]}: {result["Dataset"]}', []).append(row(model))
    lines = [HEAD]
    for title, rows in tables.items():
        lines += [f'## {title}\n']
        lines += ['| ' + ' | '.join(cells) + ' |' for cells in (COLUMNS, ['---'] * len(COLUMNS), *rows)]
        lines += ['']
    return '\n'.join(lines)


if __name__ == '__main__':
    PAGE.write_text(page())
    print(f'{PAGE} written')
