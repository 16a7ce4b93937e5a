import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { download } from "../api/download";
import { useText } from "../i18n/i18n";
import { Icon } from "../ui/icons";
import { ButtonRow } from "../ui/layout";
import { ProblemPanel } from "../ui/ProblemPanel";

export type OfferedFile = { name: string; label: string };

type FileButtonsProps = {
  /** The address that the names are appended to. */
  path: string;
  /** The first one is what most people want. */
  files: readonly OfferedFile[];
  /** What the files are of, for people who only hear the button. */
  of: string;
};

/** A button for each file. An error is shown instead of saved. */
export function FileButtons({ path, files, of }: FileButtonsProps): ReactElement {
  const text = useText();
  const downloading = useMutation({
    mutationFn: (name: string) => download(`${path}/${name}`, name),
  });
  const { error, isPending, variables: current } = downloading;
  return (
    <>
      {error && <ProblemPanel error={error} />}
      <ButtonRow>
        {files.map(({ name, label }, n) => (
          <Button
            key={name}
            size="small"
            variant={n === 0 ? "contained" : "outlined"}
            startIcon={<Icon name="arrow-down" />}
            disabled={isPending}
            onClick={() => downloading.mutate(name)}
            aria-label={text("finance.get", { file: label, of })}
          >
            {isPending && current === name ? text("working") : label}
          </Button>
        ))}
      </ButtonRow>
    </>
  );
}
