"""Table 1: the paper's numbers, ours beside them, and tools/table1.py as a user calls it."""

import csv
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rampose.lab.table1 import SIZES, SYSTEMS, TABLE_1, choose

ROOT = Path(__file__).resolve().parents[2]
METADATA = {model['Name']: model for path in (ROOT / 'configs').rglob('*.yml')
            for model in yaml.safe_load(path.read_text())['Models']}
# Deviations of more than 2 % that docs/experiments.md explains.
EXPLAINED = {('hourglass', '256x192'), ('simplebaseline', '256x192'), ('simplebaseline', '384x288')}


@pytest.mark.parametrize('row', [row for row in TABLE_1 if row.parameters], ids=lambda row: row.config)
def test_costs_are_the_papers_within_two_percent(row):
    """The metafiles' numbers, which tests/test_configs.py counts."""
    metadata = METADATA[row.config]['Metadata']
    assert metadata['Parameters (M)'] == pytest.approx(row.parameters, rel=0.02)
    matches = metadata['Multiply-adds / 2^30'] == pytest.approx(row.gflops, rel=0.02)
    assert matches != ((row.system, row.size) in EXPLAINED)


def test_the_paper_counts_transposed_convolutions_of_simplebaseline_at_their_outputs():
    """Each 4x4 deconvolution of stride 2 at four times what it multiplies: three times more than we count."""
    for size, reported in (('256x192', 15.7), ('384x288', 35.6)):
        h, w = (int(side) // 32 for side in size.split('x'))
        deconvolutions = sum(4**k * h * w * channels * 256 * 16 for k, channels in enumerate((2048, 256, 256)))
        counted = METADATA[f'td-hm_res152_4xb32-240e_coco-{size}']['Metadata']['Multiply-adds / 2^30']
        assert counted + 3 * deconvolutions / 2**30 == pytest.approx(reported, rel=0.005)


def test_the_metafiles_report_what_table_1_does():
    for row in TABLE_1:
        metrics = METADATA[row.config]['Results'][0]['Metrics']
        assert metrics['AP (reported by the paper)'] == (row.ap_val or row.ap_test_dev)


def test_rows_are_chosen_in_the_tables_order():
    assert choose() == list(TABLE_1) and len(TABLE_1) == 13
    assert [row.config for row in choose(['ours-w32', 'hrnet-w32'], ['384x288'])] == [
        'td-hm_hrnet-w32_4xb32-240e_coco-384x288', 'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-384x288']
    with pytest.raises(ValueError, match='no row of cpn at 384x288'):
        choose(['cpn'], ['384x288'])
    assert set(SIZES) == {'256x192', '384x288'} and len(SYSTEMS) == 8


@pytest.mark.slow
def test_the_tool_prints_and_writes(tmp_path):
    done = subprocess.run(
        [sys.executable, 'tools/table1.py', '--rows', 'hrnet-w32', 'ours-w32', 'cpn-ensemble', '--rounds', '1', '--out',
         str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert '7.1 / 7.120' in done.stdout and '31.4 / 31.47' in done.stdout and 'reported by the paper' in done.stdout
    records = list(csv.DictReader((tmp_path / 'table1.csv').open()))
    assert [record['system'] for record in records] == ['HRNet W32', 'Ours of W32'] * 2 + ['Ensembled CPN']
    assert records[1]['cpu_ratio_paper'] == '1.17' and 0.5 < float(records[1]['cpu_ratio_here']) < 3
    assert float(records[0]['cpu_ms_here']) > 0 and records[0]['gpu_ms_here'] == ''
    assert records[4]['ap_val_reported'] == '' and records[4]['ap_test_dev_reported'] == '73.0'
    lines = (tmp_path / 'table1.md').read_text().splitlines()
    assert len(lines) == 2 + 2 + 5 and '| Ours of W32 | 384x288 | 31.4 / 31.47 | 17.2 / 17.231 | 877 / ' in lines[7]
    assert (tmp_path / 'table1.png').read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--rows', 'openpose'], "got --rows openpose"),
    (['--sizes', '512x512'], "got --sizes 512x512"),
    (['--rounds', '-1'], 'got --rounds -1'),
    (['--rows', 'hourglass', '--sizes', '384x288'], 'no row of hourglass at 384x288'),
])
def test_calls_that_cannot_be_used(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['table1.py', *arguments])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / 'tools/table1.py'), run_name='__main__')
    assert left.value.code == 2 and message in capsys.readouterr().err
