"""The benchmark suite: what each part takes, against what is required of it.

    suite.py          a benchmark, its samples and their figures; runs them, whatever fails
    voice.py ...      one file a set; `SETS` in suite.py names them
    requirements.py   config/requirements.yaml held against results
    compare.py        two result files side by side, with a verdict that knows noise
    report.py         Markdown and plots
"""
