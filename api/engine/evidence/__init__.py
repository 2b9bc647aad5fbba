"""Evidence bundles: answers with citations that others can check without PageLens."""
