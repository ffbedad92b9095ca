"""The commands of `zs3`, one a file: `main(arguments)`."""
