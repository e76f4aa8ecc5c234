# SPDX-License-Identifier: ISC
"""Many hosts of the LAN that ask for the default alias by ARP, and whom they were told."""
import collections
import json
import subprocess
import threading

from testbed_load import ALIAS

CLIENTS = 60


class Hosts:
    """Sixty hosts; told[n] is where each finds the alias, by the names of the MACs, heard all there was."""

    def __init__(self, tb, names):
        self.names, self.told, self.heard = names, {}, []
        self.proc = tb.machine("c1").popen(["/usr/bin/python3", "-I", tb.tool("testbed_clients.py"),
            str(CLIENTS), ALIAS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.proc.stdout:
            item = json.loads(line)
            item["node"] = self.names.get(item["mac"], item["mac"])
            self.heard.append(item)
            for n in range(CLIENTS) if item["client"] is None else [item["client"]]:
                self.told[n] = item["node"]

    def spread(self):
        return dict(collections.Counter(list(self.told.values())))

    def end(self):
        self.proc.stdin.close()
        self.proc.wait(10)
        self.thread.join(10)
