"""Three policies of the catalogue as an OpenFisca tax and benefit system, and their run over a warehouse's Parquet files."""
