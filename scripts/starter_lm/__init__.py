"""How the starter language model is made and measured; used by the scripts beside this folder, not by the package."""
