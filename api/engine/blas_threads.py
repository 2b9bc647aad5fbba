"""Imported by a program before numpy: matrix products on one thread each, unless the environment says otherwise.

The matrices here are small (a question's tokens by a page's), many threads multiply at once anyway, and OpenBLAS's
waiting threads spin: a search over 984 pages cost 177 CPU-ms with them, 53 without (two cores, other work beside). It
reads its number of threads when it is loaded. A library does not decide this for its host: programs import this, no
room does.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
