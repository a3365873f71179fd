"""What a likeness means: how often a question drawn by chance finds something as alike in the same index.

Cosines of image-text encoders lie in a narrow band that differs by encoder, by index and by what is compared: 0.3 is much
for CLIP and little for others. A likeness is therefore told as a percentile. Random words (and random pictures, where the
question holds pictures) are asked of the index by the same search; what their best answers come to is what chance comes to.
An answer at the 90th percentile is more alike than the best answer of nine random questions in ten. Beforehand the mean
of the random questions is taken away, since some pictures are like everything (hubs: Radovanović et al., JMLR 2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Common nouns, of things and of what no picture shows, in the two languages the window speaks; a question is held against
# the words of its own script.
_ENGLISH = (
    "time year people way day man thing woman life child world school state family student group country problem hand part"
    " place case week company system program question work government number night point home water room mother area money"
    " story fact month lot right study book eye job word business issue side kind head house service friend father power"
    " hour game line end member law city community name president team minute idea body information back parent face level"
    " office door health person art war history party result change morning reason research girl guy moment air teacher"
    " force education foot boy age policy music market sense nation plan college interest death course experience effect"
)
_CHINESE = (
    "时间 年份 人们 方法 日子 男人 东西 女人 生活 孩子 世界 学校 国家 家庭 学生 小组 问题 手 部分 地方 情况 星期 公司 系统 程序 工作 政府"
    " 数字 夜晚 家 水 房间 母亲 地区 钱 故事 事实 月份 权利 研究 书 眼睛 词语 生意 头 房子 服务 朋友 父亲 力量 小时 游戏 线 成员 法律"
    " 城市 社区 名字 团队 主意 身体 信息"
)
MOST_QUESTIONS = 128  # that are drawn
FEWER_FROM, FEWER = 200_000, 32  # items of an index, from which fewer are asked: each takes milliseconds then
FITS = 50.0  # percentile from which an answer is said to fit: better than half of what chance finds
SEED = 7


def random_words(like: str = "") -> tuple[str, ...]:
    """Words drawn once and for all, in the script of `like`."""
    chinese = any("\u4e00" <= character <= "\u9fff" for character in like)
    return tuple((_CHINESE if chinese else _ENGLISH).split()[:MOST_QUESTIONS])


@dataclass(frozen=True)
class Chance:
    """What random questions find in an index. mean: float32 [dim], of the questions' embeddings (or of their codes' values).
    best: float64, how alike the best answer of each was, in order, the mean taken away."""

    mean: np.ndarray
    best: np.ndarray

    def percentiles(self, likeness: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """0 to 100 for each answer. likeness: of the question to it. answers: float [n, dim], of length 1 each."""
        apart = likeness - answers @ self.mean
        return 100 * np.searchsorted(self.best, apart, side="right") / max(1, len(self.best))


def chance(questions: np.ndarray, ask: Callable[[int], tuple[np.ndarray, np.ndarray]]) -> Chance:
    """questions: float [n, dim], of length 1 each. ask(number): (likeness [m], answers [m, dim]) of what a question finds."""
    mean = questions.mean(axis=0)
    best = []
    for number in range(len(questions)):
        likeness, answers = ask(number)
        if len(likeness):
            best.append(float((likeness - answers @ mean).max()))
    return Chance(mean, np.sort(np.array(best)))
