"""The emitted RTL, compiled to native code and driven through its register bus and sample stream."""
