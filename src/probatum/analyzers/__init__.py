"""Pure analysers, one file each: (artifact, material) -> verdict. They never import each other."""
