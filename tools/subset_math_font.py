"""Make the mathematics font that is embedded in derivations as HTML: STIX Two Math, reduced to what they use.

Chromium stretches brackets only with an OpenType font that has a MATH table. Run once, with fonttools and
brotli, on the complete font (for instance from the npm package @fontsource/stix-two-math, with its LICENSE):

    python tools/subset_math_font.py stix-two-math-latin-400-normal.woff2 LICENSE
"""

import shutil
import sys
from pathlib import Path

from fontTools import subset

ASSETS = Path(__file__).parents[1] / "src" / "wengert" / "explain" / "printers" / "assets"
GREEK = {chr(code) for code in (*range(0x391, 0x3AA), *range(0x3B1, 0x3CA))}
# What a lone letter becomes in MathML: mathematical italics.
ITALIC = {chr(code) for code in (*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C))} | {"ℎ"}
SIGNS = set("−×·⊙∘∑Σ∂𝟏′″…⋮⋱←→ℓ∈ℝ≤≥≠∧∨⊕√∞ᵀ⁻¹²³°½¼∇≈∣¬✓✗")
CHARACTERS = {chr(code) for code in range(0x20, 0x7F)} | GREEK | ITALIC | SIGNS


def main() -> None:
    """Write the reduced font and its licence into the package."""
    font, licence = map(Path, sys.argv[1:])
    options = subset.Options()
    options.flavor = "woff2"
    options.hinting = False
    options.layout_features = ["ssty", "kern", "mark", "mkmk", "ccmp", "dtls"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # names, copyright, licence
    loaded = subset.load_font(font, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(CHARACTERS)))
    subsetter.subset(loaded)
    ASSETS.mkdir(exist_ok=True)
    subset.save_font(loaded, ASSETS / "stix-two-math.woff2", options)
    shutil.copy(licence, ASSETS / "stix-two-math-license.txt")


if __name__ == "__main__":
    main()
