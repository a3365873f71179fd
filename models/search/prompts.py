"""Words as an encoder was taught them: in sentences, of which the mean is taken (Radford et al., ICML 2021)."""

from __future__ import annotations

_ENGLISH = ("{}", "a photo of {}", "a picture of {}", "an image showing {}")
_CHINESE = ("{}", "一张{}的照片", "一幅{}的图片")
LONGEST = 4  # words, or so many characters of Chinese twice over: what is longer is a sentence already


def phrased(text: str) -> tuple[str, ...]:
    """The sentences that say what `text` says; a sentence stays as it is."""
    chinese = any("\u4e00" <= character <= "\u9fff" for character in text)
    long = len(text) > 2 * LONGEST if chinese else len(text.split()) > LONGEST
    if long:
        return (text,)
    return tuple(template.format(text) for template in (_CHINESE if chinese else _ENGLISH))
