"""Image-text search: pictures by words, words by pictures, over compact hash codes of a person's own folders."""
