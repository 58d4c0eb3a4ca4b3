"""How much memory a model takes, measured in a process of its own."""

import json
import subprocess
import sys
from typing import Any, Dict, Optional

_MEASURE = '''
import json, resource, sys
import numpy as np
from rampose.lab.comparison.contenders import open_contender
source, options = json.loads(sys.argv[1])
contender = open_contender(source, **options)
image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
contender.predictor.predict([image], [np.tile([[100., 50., 300., 450.]], (8, 1))])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print('MB', round(peak / (1e6 if sys.platform == 'darwin' else 1e3)))
'''


def memory_mb(source: str, options: Dict[str, Any]) -> Optional[int]:
    """The most memory that a process takes which opens a model and finds the keypoints of eight people, MB.

    Args:
        source: As in :func:`rampose.lab.comparison.contenders.open_contender`.
        options: Likewise.

    Returns:
        None where the system does not say.
    """
    if sys.platform == 'win32':
        return None
    done = subprocess.run([sys.executable, '-c', _MEASURE, json.dumps([source, options])], capture_output=True,
                          text=True)
    words = done.stdout.split()
    return int(words[-1]) if done.returncode == 0 and words[-2:-1] == ['MB'] else None
