from dd.cli_report import main

if __name__ == "__main__":
    main(prog_name="python -m dd")
