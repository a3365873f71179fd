"""How many mutants of every thousand each family of readers gets: many where reading is quick."""

SHARES = {
    "audio": 140, "recordings": 150, "histories": 60, "sequences": 100, "tables": 60, "captions": 60, "features": 110,
    "pictures": 120, "settings": 60, "checkpoints": 30, "foreign": 40, "speech models": 25, "picture models": 20, "indexes": 60,
}  # fmt: skip
