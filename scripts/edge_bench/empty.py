"""Memory of torch alone: imported, and used for one product."""

import torch

from edge_bench.child import answer
from mfpt_shared.system.memory import peak_rss_bytes

if __name__ == "__main__":
    torch.ones(64, 64) @ torch.ones(64, 64)
    answer(peak=peak_rss_bytes())
