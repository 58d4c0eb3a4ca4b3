"""Look at what a model finds for the labelled people of its val split: best, worst, and what attention weighs for whom.

    python tools/analyze_predictions.py CONFIG CHECKPOINT [--out FOLDER]

FOLDER gets people.csv (OKS of each person), best.png and worst.png (the ten with the highest and the ten with the
lowest OKS), skeletons.png (the same twenty without the photographs, to publish where those may not be), and, for a
model with attention, attention.png and attention.csv: mean and spread of the weights for upright and inverted, fully
and partly labelled people.

Exit status: 0 written; 2 the call cannot be used.
"""

import argparse
import sys
import warnings
from pathlib import Path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path, metavar='CONFIG')
    parser.add_argument('checkpoint', type=Path, metavar='CHECKPOINT')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/predictions'), metavar='FOLDER',
                        help='default: work_dirs/predictions')
    parser.add_argument('--number', type=int, default=10, help='of best and of worst (default: 10)')
    parser.add_argument('--limit', type=int, help='look at so many people, at most')
    parser.add_argument('--device', default='cpu')
    args = parser.parse_args()
    for name in ('number', 'limit'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'got --{name} {value}; needed is at least 1')
    return args


def main() -> int:
    args = parse_args()
    warnings.simplefilter('ignore')  # of the libraries
    import numpy as np
    from mmengine import Config
    from rich.progress import track

    from rampose.apis import TopdownPredictor, read_image
    from rampose.apis.attention import predict_with_attention
    from rampose.core.files import check_writable, write_csv, written_whole
    from rampose.core.images import UnreadableError
    from rampose.export.evaluation import LabelledPeople, boxes_of
    from rampose.lab.labelled import attention_of_groups, by_rank, groups_of, similarity
    from rampose.lab.plots import plot_attention_of_groups, plot_people
    try:
        config = Config.fromfile(args.config)
        data = config.val_dataloader.dataset
        labelled = LabelledPeople(Path(data.data_root, data.data_prefix.img), Path(data.data_root, data.ann_file),
                                  args.limit)
        check_writable(args.out / 'people.csv')
        predictor = TopdownPredictor(config, args.checkpoint, device=args.device)
    except Exception as error:  # a config is Python, and may raise anything
        ours = isinstance(error, (ValueError, RuntimeError, OSError))
        print(f'analyze_predictions.py: {error if ours else f"{args.config}: {error!r}"}', file=sys.stderr)
        return 2
    with_attention = config.model.backbone.type == 'RAMHRNet' and config.model.backbone.get('with_attention', True)
    people, images, keypoints, weights = [], [], [], []
    for path, of_picture in track(list(labelled.pictures().items()), 'people'):
        try:
            image, bboxes = read_image(path), boxes_of(of_picture)
        except UnreadableError as error:
            print(f'left out: {error}', file=sys.stderr)
            continue
        if with_attention:
            (found, ), _, (of_image, ) = predict_with_attention(predictor, [image], [bboxes])
            weights.append(of_image)
        else:
            found, _ = predictor(image, bboxes)
        people += of_picture
        images += [path] * len(of_picture)
        keypoints += list(found)
    meta = predictor.dataset_meta
    labels = [np.array(person['keypoints'], float).reshape(-1, 3) for person in people]
    similarities = [similarity(found, label, person['area'], np.asarray(meta['sigmas']))
                    for found, label, person in zip(keypoints, labels, people)]

    write_csv(args.out / 'people.csv', [dict(annotation=person['id'], picture=path.name, oks=round(oks, 4))
                                        for person, path, oks in zip(people, images, similarities)])

    def save(name: str, figure) -> None:
        with written_whole(args.out / name) as file:
            figure.savefig(file, format='png', dpi=130)

    boxes, chosen = boxes_of(people), by_rank(similarities, args.number)
    both = [index for which in ('best', 'worst') for index in chosen[which]]
    links = meta['skeleton_links']
    for name, numbers, with_photographs, columns in (
            ('best.png', chosen['best'], True, 5), ('worst.png', chosen['worst'], True, 5),
            ('skeletons.png', both, False, args.number)):
        save(name, plot_people(
            [read_image(images[i]) if with_photographs else None for i in numbers], [boxes[i] for i in numbers],
            [keypoints[i] for i in numbers], [labels[i] for i in numbers],
            [f'OKS {similarities[i]:.2f}' for i in numbers], links, columns=columns))
    written = ['people.csv', 'best.png', 'worst.png', 'skeletons.png']
    if with_attention:
        names = [meta['keypoint_id2name'][k] for k in range(meta['num_keypoints'])]
        units = {unit: np.concatenate([of_image[unit] for of_image in weights]) for unit in weights[0]}
        groups = groups_of(labels, names)
        write_csv(args.out / 'attention.csv', attention_of_groups(units, groups))
        save('attention.png', plot_attention_of_groups(units, groups))
        written += ['attention.csv', 'attention.png']
    print(f'{len(people)} people, mean OKS {np.nanmean(similarities):.3f}; {args.out}/: {", ".join(written)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
