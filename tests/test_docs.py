"""The README's commands run, its links and the docs' lead somewhere, its numbers are those that are measured."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rampose.lab.experiments.comparison import mean_and_std
from rampose.lab.experiments.plan import read_plan
from rampose.lab.experiments.results import Results
from rampose.lab.table1 import TABLE_1

RUNNABLE = re.compile(r'<!-- runnable -->\n```(?:bash|shell)\n(.*?)```', re.DOTALL)
LINK = re.compile(r'\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)')


def runnable_blocks(root):
    return [block for name in ('README.md', 'docs/deployment.md')
            for block in RUNNABLE.findall((root / name).read_text())]


@pytest.mark.long
def test_runnable_commands_of_the_readme(root, tiny_sample, monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', f'{Path(sys.executable).parent}:{os.environ["PATH"]}')
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
    blocks = runnable_blocks(root)
    assert len(blocks) >= 3
    shutil.rmtree(root / 'work_dirs/readme', ignore_errors=True)  # of an earlier run of this test
    for block in blocks:
        done = subprocess.run(['bash', '-euo', 'pipefail', '-c', block], capture_output=True, text=True, cwd=root)
        assert done.returncode == 0, f'{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}'


def markdown_files(root):
    return [root / name for name in ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md')] + sorted(root.glob('docs/*.md'))


def test_links_lead_somewhere(root):
    for path in markdown_files(root):
        for target in LINK.findall(path.read_text()):
            if not target.startswith(('http://', 'https://', 'mailto:')):
                assert (path.parent / target).exists(), f'{path.name}: {target}'


def test_paths_in_the_docs_exist(root):
    for path in markdown_files(root):
        for name in re.findall(r'`((?:rampose|configs|tools|tests|docs|requirements)/[\w./-]+\.\w+)`',
                               path.read_text()):
            assert (root / name).exists(), f'{path.name}: {name}'


@pytest.fixture
def model_zoo(root):
    spec = importlib.util.spec_from_file_location('make_model_zoo', root / 'docs/make_model_zoo.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_metafiles_name_every_config(root, model_zoo):
    models = model_zoo.read_models()
    configs = [path.relative_to(root).as_posix() for path in root.glob('configs/*/**/*.py')
               if not {'_base_', 'experiments'} & set(path.parts)]
    assert sorted(model['Config'] for model in models) == sorted(configs)
    assert all(model['Name'] == Path(model['Config']).stem for model in models)


def test_the_metafiles_are_in_openmmlabs_format(root):
    model_index = pytest.importorskip('modelindex.load_model_index')
    index = model_index.load(str(root / 'model-index.yml'))
    index.build_models_with_collections()
    assert len(index.models) >= 20
    assert all(Path(root / model.config).is_file() and model.results for model in index.models)


def test_the_model_zoo_is_current(model_zoo):
    assert model_zoo.PAGE.read_text() == model_zoo.page(), 'run python docs/make_model_zoo.py'


def test_the_readmes_table_is_that_of_the_metafiles(root, model_zoo):
    readme = (root / 'README.md').read_text()
    of_table_1 = {row.config for row in TABLE_1 if row.ap_val}
    reported = [model for model in model_zoo.read_models() if model['Name'] in of_table_1]
    assert len(reported) == 12
    for model in reported:
        line = next(line for line in readme.splitlines() if f"({model['Config']})" in line)
        assert f"| {model['Results'][0]['Metrics'][model_zoo.REPORTED]} |" in line
        assert f"{model['Metadata']['Parameters (M)']} M" in line
        assert f"| {model['Metadata']['Multiply-adds / 2^30']} |" in line


def test_the_ap_measured_on_lspet_is_that_of_the_runs(root, model_zoo):
    plan = read_plan(root / 'configs/experiments/lspet-128x96.py')
    results = Results(root / 'docs/evidence/lspet-128x96/results.json', plan)
    models = {model['Name']: model for model in model_zoo.read_models()}
    measured = {name: model['Results'][0]['Metrics'].get(model_zoo.MEASURED) for name, model in models.items()}
    candidates = [candidate for candidate in plan.candidates.values() if not candidate.options]
    assert len(candidates) == 5
    for candidate in candidates:
        mean, _ = mean_and_std(list(results.values(candidate.name, 'AP').values()))
        assert measured[candidate.config.stem] == round(100 * mean, 1), candidate.name
    (name, model), = ((name, model) for name, model in models.items() if 'lspet' in model.get('Weights', ''))
    assert (root / model['Weights']).is_file()
    assert f'| {measured[name]}, ' in (root / 'checkpoints/ram-hrnet-w16-gpr_lspet-128x96.md').read_text()


def test_the_table_of_the_experiments_page_is_that_of_the_metafiles(root, model_zoo):
    page = (root / 'docs/experiments.md').read_text()
    metadata = {model['Name']: model['Metadata'] for model in model_zoo.read_models()}
    for row in TABLE_1:
        counted = metadata[row.config]
        line = next(line for line in page.splitlines() if line.startswith(f'| {row.title} | {row.size} |'))
        assert f"{row.parameters or '-'} / {counted['Parameters (M)']:.2f} |" in line
        assert f"{row.gflops or '-'} / {counted['Multiply-adds / 2^30']:.3f} |" in line
        assert line.endswith(f"| {row.ap_val or '-'}, {row.ap_test_dev or '-'} |")
