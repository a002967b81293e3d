# What only this project's task has: nothing.
