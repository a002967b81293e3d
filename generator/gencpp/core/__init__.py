"""The words of the house: errors, facts, requests, C++ literals, files, tools. It imports no other room."""
