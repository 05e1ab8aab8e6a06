r"""Attacks: how much reward can be bought with text that has nothing to do with the question.

An attack looks for a *suffix*: one text that, put after many different responses, raises their rewards. It is searched
on a few comparisons and judged on others, from prompts that the search never saw, so what it is said to gain is no
reward for having tried often. What is put to the test are the rejected responses: with the suffix :math:`s`,

.. math:: \text{gain} = \frac1H \sum_{i=1}^{H} r(x_i, y_i^- + s) - r(x_i, y_i^-),\qquad
   \text{overtaken} = \frac{\#\{i : r(x_i, y_i^- + s) > r(x_i, y_i^+) > r(x_i, y_i^-)\}}
   {\#\{i : r(x_i, y_i^+) > r(x_i, y_i^-)\}},

equal rewards counting one half. One comparison is taken of each prompt (without prompts, of each response), so the H
are independent and an interval is that of a mean.

A search is anything that is called with `trials.Trials` and a random generator and tries suffixes until the budget is
used up: `random_search`, `evolutionary`, and for open weights ``scoring/gradient_search``. A reward needs nothing but
the scoring function; the budget counts every conversation that is scored, those of the judging included.

Source: Wallace et al., Universal Adversarial Triggers for Attacking and Analyzing NLP (2019), for one text that works
on many; Zou et al., Universal and Transferable Adversarial Attacks on Aligned Language Models (2023), for suffixes.
"""
