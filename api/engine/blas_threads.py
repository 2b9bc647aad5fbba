"""Import this module before numpy to run matrix products on one thread, unless the environment says otherwise.

The matrices here are small (a query's tokens by a page's) and several threads multiply at once anyway; the waiting
threads of OpenBLAS spin: a search over 984 pages cost 177 CPU-ms with them and 53 without. OpenBLAS reads the number of
threads when it is loaded. Only programs import this module: a library does not decide it for its host.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
