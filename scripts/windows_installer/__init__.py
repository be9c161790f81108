"""Makes the installer for Windows, on Linux: see deploy/windows/build."""
