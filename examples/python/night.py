#!/usr/bin/env python3
"""Starts a night over HTTP, follows it, and fetches its results and its report.

Python's standard library is all it needs (3.9 or later):

    starter serve &
    examples/python/night.py examples/market-digest.yaml

OFFPEAK_URL is where starter serve is; OFFPEAK_KEY is a key of scope operate, where
the server wants one. Leaves NAME-NIGHT.jsonl, a line for each job with its answer,
and NAME-NIGHT.json, the report, in --out. Ctrl-C stops the following and not the night.

Ends with offpeak's exit codes: 0 done and audited, 2 bad input, 3 done with jobs
left over, 4 refused for money, 5 the audit failed, 6 out of reach, 130 interrupted.
"""

import argparse
import datetime
import hashlib
import http.client
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SILENCE = 60  # seconds: the server says something every 15, if only a comment
OUTAGE = 300  # seconds that a server may be away before we give up
LOST = (OSError, http.client.HTTPException)  # of a connection; urllib's own are OSErrors


class Problem(Exception):
    """A refusal of the server's: application/problem+json, RFC 9457."""

    def __init__(self, answer):
        self.status = answer.code
        self.retry_after = answer.headers.get("Retry-After", "")
        text = answer.read(1 << 20).decode("utf-8", "replace")
        try:
            self.fields = json.loads(text)
        except ValueError:  # a proxy's words, and not offpeak's
            self.fields = {"detail": text.strip() or answer.reason}

    def __str__(self):
        f = self.fields
        lines = [f"{f.get('kind', self.status)}: {f.get('detail') or f.get('title', '')}"]
        for e in f.get("errors", []):  # everything that is wrong, each with its place
            place = ":".join(str(e[k]) for k in ("line", "column") if e.get(k))
            lines.append("  " + " ".join(s for s in (place, e.get("field"), e["detail"]) if s))
        if f.get("hint"):
            lines.append(f"hint: {f['hint']}")
        return "\n".join(lines)

    @property
    def passing(self):
        """Whether the same request may do better in a moment."""
        return self.status in (429, 502, 503, 504)

    @property
    def exit_code(self):
        by_kind = {"CreditsTooLow": 4, "OverBudget": 4, "Cancelling": 3, "OutOfReach": 6}
        return by_kind.get(self.fields.get("kind"), 2 if self.status < 500 else 6)


class Server:
    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/"), key

    def ask(self, method, path, body=None, **headers):
        """One request; its answer may be read as a stream. A refusal is a Problem."""
        request = urllib.request.Request(self.url + path, data=body, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        if self.key:
            request.add_unredirected_header("Authorization", "Bearer " + self.key)
        try:
            return urllib.request.urlopen(request, timeout=SILENCE)
        except urllib.error.HTTPError as e:
            with e:
                raise Problem(e) from None

    def insist(self, method, path, body=None, **headers):
        """ask, again and again while the server is away. Only for what may be repeated."""
        patience = Patience()
        while True:
            try:
                return self.ask(method, path, body, **headers)
            except Problem as p:
                if not p.passing:
                    raise
                patience.wait(p, p.retry_after)
            except LOST as e:
                patience.wait(e)

    def start(self, manifest):
        """Starts the night, or finds it running, and returns where it is."""
        with open(manifest, "rb") as f:
            body = f.read()
        kind = "json" if manifest.endswith(".json") else "yaml"
        # The same manifest on the same day has the same key: a start whose answer
        # was lost may be repeated, and so may this program.
        again = hashlib.sha256(datetime.date.today().isoformat().encode() + body).hexdigest()
        with self.insist("POST", "/v1/batches", body, Content_Type="application/" + kind, Idempotency_Key=again) as answer:
            started = json.load(answer)
            say(f"{started['batch']}: {started['state']}, begins {started['begins']}: {started['reason']}")
            return answer.headers["Location"]

    def follow(self, night):
        """The events of a night until it is over, across broken connections: the
        last id that was seen says where to go on."""
        last, patience = "", Patience()
        while True:
            try:
                with self.ask("GET", night + "/events", Last_Event_ID=last) as stream:
                    if stream.status == 204:  # the end was seen before
                        return
                    event = {}
                    for raw in stream:
                        line = raw.decode().rstrip("\r\n")
                        if line.startswith(":"):  # a comment: it is there
                            patience.over()
                        elif line:
                            name, _, value = line.partition(": ")
                            event[name] = value
                        elif "data" in event:  # an empty line ends an event
                            patience.over()
                            last = event.get("id", last)
                            yield event["event"], json.loads(event["data"])
                            if event["event"] == "end":
                                return
                            event = {}
                patience.wait(ConnectionError("the stream ended before the night"))
            except Problem as p:
                if not p.passing:
                    raise
                patience.wait(p, p.retry_after)
            except LOST as e:
                patience.wait(e)

    def fetch(self, path, file):
        """A whole answer into a file, which gets its name when it is complete."""
        patience = Patience()
        while True:
            with open(file + ".part", "wb") as f:
                try:
                    with self.insist("GET", path) as answer:
                        shutil.copyfileobj(answer, f)
                    break
                except LOST as e:  # in the middle of it
                    patience.wait(e)
        os.replace(file + ".part", file)


class Patience:
    """How long one outage is waited out."""

    until = None

    def wait(self, error, retry_after=""):
        pause = float(retry_after) if retry_after.isdigit() else 2.0
        now = time.monotonic()
        if self.until is None:
            self.until = now + OUTAGE
            say(f"{error}; trying again for {OUTAGE // 60} minutes")
        if now + pause > self.until:
            raise error
        time.sleep(pause)

    def over(self):
        self.until = None


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(args):
    server = Server(args.url, os.environ.get("OFFPEAK_KEY", ""))
    night = server.start(args.manifest)
    for event, stands in server.follow(night):
        if event != "state":  # a progress comes with each of them
            jobs, money = stands["jobs"], stands["money"]
            say(f"{event}: {stands['state']}, {jobs['succeeded']} of {jobs['total']} jobs, ${money['billed']}")
    with server.insist("GET", night) as answer:
        stands = json.load(answer)
    ended = stands.get("ended")
    if ended:  # not well
        say(f"{ended['kind']}: {ended['detail']}\nhint: {ended.get('hint', 'none')}")
    if stands["state"] != "refused":  # before anything was sent: then there is nothing to fetch
        file = os.path.join(args.out, stands["batch"].replace("/", "-"))
        server.fetch(night + "/results", file + ".jsonl")
        server.fetch(night + "/report", file + ".json")
        say(f"paid ${stands['money']['billed']}, saved ${stands['money']['saved']}; results: {file}.jsonl, report: {file}.json")
    return stands["exit_code"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", help="a manifest in YAML or JSON")
    parser.add_argument("--url", default=os.environ.get("OFFPEAK_URL", "http://127.0.0.1:8780"))
    parser.add_argument("--out", default=".", help="folder for results and report")
    args = parser.parse_args()
    try:
        return run(args)
    except Problem as p:
        say(f"error: {p}")
        return p.exit_code
    except urllib.error.URLError as e:
        say(f"error: {args.url} is out of reach: {e.reason}\nhint: is starter serve running? OFFPEAK_URL or --url names another place")
        return 6
    except LOST as e:  # also a file that isn't there
        say(f"error: {e}")
        return 2 if getattr(e, "filename", None) else 6
    except KeyboardInterrupt:
        say("stopped; a night that was started goes on, and the same command comes back to it")
        return 130


if __name__ == "__main__":
    sys.exit(main())
