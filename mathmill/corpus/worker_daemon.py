"""The process that Spark forks its Python workers from, with the classifier of a scoring job already in memory.

`spark.python.daemon.module` names this module. Spark starts one such process a host for each environment that jobs ask
for, and a scoring job asks for one that names its classifier.
"""

import os

from pyspark import daemon

from mathmill.corpus.shared_classifier import CLASSIFIER, shared_classifier

if __name__ == "__main__":
    if CLASSIFIER in os.environ:
        shared_classifier()
    daemon.manager()
