"""Labels for an avatar's vertices: from masks that any 2D parser made of rendered views, from the body inside, or from both.

`votes` carries masks to vertices, `prior` guesses from the body and from colour, `smoothing` makes neighbours agree, `segment` puts
them together and `pictures` shows the result. In come an avatar, cameras and masks; out go labels [V] that index `LABELS`.
"""

from .pictures import label_pictures
from .segment import CLASSES, Settings, segment

__all__ = ["CLASSES", "Settings", "label_pictures", "segment"]
