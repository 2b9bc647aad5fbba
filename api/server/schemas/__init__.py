"""Request bodies, and the bodies of OpenAI's API, as pydantic models."""
