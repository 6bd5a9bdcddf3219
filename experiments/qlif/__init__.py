"""Brand and Petruccione, *A quantum leaky integrate-and-fire spiking neuron and network* (2024,
arXiv 2407.16398): the one-qubit circuit neuron.

The step rule is the published one, with T1 decay where the authors' public code has its inverse;
inputs, networks and devices here are ours.
"""

NOT_REPRODUCED: dict[str, str] = {
    "datasets": "the paper's image-classification training: ours is on a small task (training)"
}
