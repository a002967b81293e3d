"""More graphs for lowering: what counts along sizes that vary, sizes that are computed, boxes."""

from __future__ import annotations

from network_cases import case

LINE = (2, "n")
LENGTH = "s = Shape<start = 1, end = 2>(x)\nn = Squeeze(s)\n"
SCALARS = {"zero": 0, "one": 1, "two": 2, "three": 3, "minus": -2, "f0": 0.0, "f1": 1.0, "half": 0.5}
SUM = "MatrixMultiply"
TRIANGLE = "Shape Gather Iota Shuffle Shuffle ElementWise Unary Cast"

RANGES = [
    case(
        "a range of a size",
        LENGTH + "r = Range(zero, n, one)\nf = Cast<to = 1>(r)\ny = Add(x, f)",
        "Shape Gather Iota Cast Shuffle ElementWise",
        x=LINE,
        weights=SCALARS,
        sizes=(1, 5),
    ),
    case(
        "a range in floating point, as arange(n, dtype=float32)",
        LENGTH + "m = Cast<to = 1>(n)\nr = Range(f0, m, f1)\ny = Add(x, r)",
        "Shape Gather Iota Cast Shuffle ElementWise",
        x=LINE,
        weights=SCALARS,
        sizes=(1, 5),
    ),
    case(
        "a range whose limit went through float16",
        LENGTH + "h = Cast<to = 10>(n)\nm = Cast<to = 1>(h)\nr = Range(f0, m, f1)\ny = Add(x, r)",
        "Shape Gather Iota Cast Shuffle ElementWise",
        x=LINE,
        weights=SCALARS,
        sizes=(1, 5),
    ),
    case(
        "a range with a start and a step",
        LENGTH + "r = Range(two, n, three)\ny = Cast<to = 1>(r)",
        "Shape Gather ElementWise Iota ElementWise ElementWise Cast",
        x=LINE,
        weights=SCALARS,
        sizes=(4, 9),
    ),
    case(
        "a range of halves",
        LENGTH + "m = Cast<to = 1>(n)\ny = Range(f1, m, half)",
        "Shape Gather ElementWise ElementWise Iota Cast ElementWise ElementWise",
        x=LINE,
        weights=SCALARS,
        sizes=(3, 6),
    ),
    case(
        "a range that falls",
        LENGTH + "y = Range(n, zero, minus)",
        "Shape Gather ElementWise ElementWise Iota ElementWise Gather ElementWise",
        x=LINE,
        weights=SCALARS,
        sizes=(3, 6),
    ),
]

SUMS = [
    case("a running sum", "y = CumSum(x, a)", SUM, x=("n", 4), weights={"a": 1}),
    case(
        "a running sum over the first of three",
        "y = CumSum<exclusive = 1>(x, a)",
        f"Shuffle {SUM} Shuffle",
        x=(3, "n", 4),
        weights={"a": 0},
    ),
    case(
        "a running sum from behind",
        "y = CumSum<reverse = 1, exclusive = 1>(x, a)",
        f"Shuffle {SUM} Shuffle",
        x=("n", 3, 4),
        weights={"a": -2},
    ),
    case(
        "a running sum in one dimension",
        "y = CumSum(x, a)",
        f"Shuffle {SUM} Shuffle",
        x=(5,),
        weights={"a": 0},
    ),
    case(
        "a running sum over a size that varies",
        "y = CumSum<reverse = 1>(x, a)",
        f"{TRIANGLE} {SUM}",
        x=(2, "n"),
        weights={"a": 1},
        sizes=(1, 6),
    ),
    case(
        "a running sum over many",
        "y = CumSum<exclusive = 1>(x, a)",
        f"ElementWise Cast {SUM}",
        x=("n", 300),
        weights={"a": 1},
    ),
    case(
        "a running sum of whole numbers, as positions of a mask",
        "y = CumSum(x, a)",
        "Shuffle Select Reduce",
        x=("n", 5, "int64"),
        weights={"a": 1},
        low=-9,
        high=9,
    ),
    case(
        "a running sum of whole numbers over a size that varies",
        "y = CumSum<reverse = 1, exclusive = 1>(x, a)",
        "Shuffle Shuffle Shape Gather Iota Shuffle Shuffle ElementWise Gather Gather Concatenation Shuffle "
        "Select Reduce Shuffle",
        x=("n", 3, 2, "int64"),
        weights={"a": 0},
        low=-9,
        high=9,
        sizes=(1, 6),
    ),
]

PICTURE = (1, 2, "h", "w")
COMPUTED = [
    case(
        "padded to a multiple of four, and cropped",
        """s = Shape<start = 2>(x)
        m = Neg(s)
        p = Mod(m, four)
        pads = Concat<axis = 0>(zeros, p)
        big = Pad(x, pads)
        small = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(big)
        y = Slice(small, first, s, axes)""",
        None,
        x=PICTURE,
        weights={"four": [4, 4], "zeros": [0] * 6, "first": [0, 0], "axes": [2, 3]},
        sizes=(5, 7),
    ),
    case(
        "half of a size, rounded up, in whole numbers and in floating point",
        """s = Shape<start = 2>(x)
        t = Add(s, one)
        up = Div(t, two)
        c = Shape<end = 2>(x)
        whole = Concat<axis = 0>(c, up)
        a = Resize<mode = "linear">(x, , , whole)
        f = Cast<to = 1>(s)
        g = Div(f, half)
        h = Ceil(g)
        i = Cast<to = 7>(h)
        also = Concat<axis = 0>(c, i)
        b = Resize<mode = "nearest">(x, , , also)
        y = Add(a, b)""",
        None,
        x=PICTURE,
        weights={"one": [1, 1], "two": [2, 2], "half": [2.0, 2.0]},
        sizes=(5, 8),
    ),
    case(
        "padded to the size of another, of either sign",
        """p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x)
        u = Resize<coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(p, , f)
        s = Shape<start = 2>(x)
        t = Shape<start = 2>(u)
        d = Sub(s, t)
        before = Div(d, two)
        after = Sub(d, before)
        pads = Concat<axis = 0>(zeros, before, zeros, after)
        v = Pad(u, pads)
        y = Concat<axis = 1>(x, v)""",
        None,
        x=PICTURE,
        weights={"two": [2, 2], "zeros": [0, 0], "f": [1.0, 1.0, 2.0, 2.0]},
        sizes=(5, 8),
    ),
    case(
        "a slice to an end that may be beyond",
        "y = Slice(x, zero, five)",
        "Shape Gather ElementWise Concatenation Slice",
        x=("n", 3),
        weights={"zero": [0], "five": [5]},
        sizes=(3, 7),
    ),
]

KEPT = {"most": [3], "overlap": [0.3], "score": [0.1]}
SUPPRESSIONS = [
    case(
        "boxes of one class",
        "y = NonMaxSuppression(b, x, most, overlap, score)",
        "Shuffle NonMaxSuppression Cast",
        b=("m", "n", 4),
        x=("m", 1, "n"),
        weights=KEPT,
        sizes=(2, 9),
    ),
    case(
        "boxes of three classes, one after the other, as centres and sizes",
        "y = NonMaxSuppression<center_point_box = 1>(b, x, most, overlap)",
        None,
        b=("m", "n", 4),
        x=("m", 3, "n"),
        weights=KEPT,
        sizes=(2, 9),
        low=0.1,
    ),
    case(
        "boxes of any score",
        "y = NonMaxSuppression(b, x, all)",
        "Shuffle NonMaxSuppression Cast",
        b=(2, 6, 4),
        x=(2, 1, 6),
        weights={"all": [2**40]},
    ),
]

COUNTING = [*RANGES, *SUMS, *COMPUTED, *SUPPRESSIONS]
