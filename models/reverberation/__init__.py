"""ReverberationNet: regression over sequences by a mesh of nineteen roles, seven processors and a conductor."""
