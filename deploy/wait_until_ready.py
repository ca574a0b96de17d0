"""`python deploy/wait_until_ready.py ADDRESS SECONDS`: exit code 0 as soon as ADDRESS/ready answers 200."""

import sys
import time
import urllib.error
import urllib.request

address, seconds = sys.argv[1], float(sys.argv[2])
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
end = time.monotonic() + seconds
said = "nothing"
while time.monotonic() < end:
    try:
        with direct.open(f"{address}/ready", timeout=5):
            sys.exit(0)
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")
    except OSError as error:
        said = str(error)
    time.sleep(0.2)
sys.stderr.write(f"{said}\n")
sys.exit(6)
