"""The reader of scikit-learn's artefacts: a pickle in a joblib file, read as data and never executed."""
