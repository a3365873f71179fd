"""Settings that make a training of a separation network a matter of seconds."""

FEW_MIXTURES = [
    "data.epoch_mixtures=4",
    "data.segment_s=0.25",
    "data.fixed_mixtures=2",
    "data.fixed_s=0.25",
]
SMALL_NETWORK = [
    "network.filters=32",
    "network.filter_length=16",
    "network.bottleneck=8",
    "network.skip=8",
    "network.hidden=8",
    "network.blocks=2",
]
