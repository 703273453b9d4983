"""Raw data of any kind -> prepared arrays: manifests and public data sets alike."""
