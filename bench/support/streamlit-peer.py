"""Measures Streamlit's connection: `python streamlit-peer.py TASK`, a task in JSON, and prints a sample in JSON."""

import gc
import json
import logging
import platform
import resource
import sys
import time

logging.disable(logging.CRITICAL)

import pandas  # noqa: E402
import streamlit as st  # noqa: E402

task = json.loads(sys.argv[1])
repetitions = task["repetitions"]


def connect():
    return st.connection("trips", type="sql", url=task["url"])


def query(i, ttl):
    params = {"key": i} if task.get("counted") else None
    return conn.query(task["sql"], params=params, ttl=ttl, show_spinner=False)


conn = connect()
# Connecting is not measured, nor is what reading loads for the first time.
conn.query("select 1 as one", ttl=0, show_spinner=False)

if task["work"] == "hit":
    query(1, None)

seconds = 0
for i in range(1, repetitions + 1):
    begun = time.perf_counter()
    if task["work"] == "connection":
        connect()
    else:
        frame = query(i, 0 if task["work"] == "read" else None)
    seconds += (time.perf_counter() - begun) / repetitions
    # Streamlit leaves the pool's connections to the garbage collector, which it runs after each run of a script.
    if i % 10 == 0:
        gc.collect()

if task["work"] != "connection" and len(frame) != task["rows"]:
    sys.exit(f"{len(frame)} rows were read.")

versions = f"Streamlit {st.__version__}, pandas {pandas.__version__}, Python {platform.python_version()}"
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
print(json.dumps({"time": seconds * (1e3 if repetitions == 1 else 1e6), "peakMB": round(peak), "version": versions}))
