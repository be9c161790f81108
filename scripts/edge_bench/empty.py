"""What torch alone takes: imported, and one product made."""

import torch

from edge_bench.child import answer, peak_bytes

if __name__ == "__main__":
    torch.ones(64, 64) @ torch.ones(64, 64)
    answer(peak=peak_bytes())
