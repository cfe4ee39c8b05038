"""The screens, one a file, on one base that gives all of them header, banner, filter and footer."""
