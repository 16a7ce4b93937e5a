/**
 * Finds employees, payments, batches, branches and source accounts. What is typed stays out of the
 * page's address: it may name a person.
 */
import Autocomplete from "@mui/material/Autocomplete";
import Dialog from "@mui/material/Dialog";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import { useNavigate } from "@tanstack/react-router";
import { type ReactElement, useEffect, useState } from "react";
import { query } from "../api/client";
import { useNames } from "../api/names";
import { T, useLanguage, useText } from "../i18n/i18n";
import { LeadRow, MutedText } from "../ui/layout";
import { ProblemPanel } from "../ui/ProblemPanel";
import { StatusChip } from "../ui/StatusChip";
import { type Hit, hitsOf } from "./hits";

/** A pause in typing after which the search begins. */
const PAUSE_MS = 200;
const TYPED_MIN = 2;
const NO_HITS: Hit[] = [];
const FIELD_ID = "search-field";

export default function SearchDialog({ onClose }: { onClose: () => void }): ReactElement {
  const [typed, setTyped] = useState("");
  const text = useText();
  const asked = useSettled(typed.trim());
  const { locale } = useLanguage();
  const nameOf = useNames();
  const found = query.useQuery(
    "get",
    "/api/v1/search",
    { params: { query: { q: asked } } },
    {
      enabled: asked.length >= TYPED_MIN,
      refetchInterval: false,
      gcTime: 0,
    },
  );
  // Hits of an earlier text are not shown: Enter would open one of them.
  const isAnswered = asked === typed.trim() && !found.isPending;
  const hits = isAnswered && found.data ? hitsOf(found.data, locale, nameOf) : NO_HITS;
  return (
    <Dialog
      open
      onClose={onClose}
      fullWidth
      maxWidth="sm"
      aria-labelledby="search-title"
      // Near the top, so that the list below the field has room.
      sx={{ "& .MuiDialog-container": { alignItems: "flex-start" } }}
    >
      <DialogTitle id="search-title">{text("search.title")}</DialogTitle>
      <DialogContent sx={{ minHeight: "60vh" }}>
        <SearchField
          typed={typed}
          onTyped={setTyped}
          hits={hits}
          searching={!isAnswered}
          onClose={onClose}
        />
        {Boolean(found.error) && (
          <ProblemPanel error={found.error} retry={() => void found.refetch()} />
        )}
        <p>
          <MutedText>
            <T id="search.help" />
          </MutedText>
        </p>
      </DialogContent>
    </Dialog>
  );
}

type SearchFieldProps = {
  typed: string;
  onTyped: (typed: string) => void;
  hits: Hit[];
  searching: boolean;
  onClose: () => void;
};

function SearchField(props: SearchFieldProps): ReactElement {
  const { typed, onTyped, hits, searching, onClose } = props;
  const text = useText();
  const navigate = useNavigate();
  useEffect(() => document.getElementById(FIELD_ID)?.focus(), []);
  const isAsking = typed.trim().length >= TYPED_MIN;
  return (
    <Autocomplete
      id={FIELD_ID}
      open={isAsking}
      autoHighlight
      options={hits}
      // The gateway has filtered them.
      filterOptions={(options) => options}
      getOptionLabel={(hit) => hit.label}
      getOptionKey={(hit) => hit.id}
      groupBy={(hit) => text(hit.group)}
      inputValue={typed}
      value={null}
      loading={searching}
      loadingText={text("search.searching")}
      noOptionsText={text("search.nothing")}
      forcePopupIcon={false}
      clearText={text("search.clear")}
      onInputChange={(_event, value, reason) => {
        if (reason !== "reset" && reason !== "blur" && reason !== "selectOption") onTyped(value);
      }}
      onChange={(_event, hit) => {
        if (!hit) return;
        onClose();
        void navigate(hit.target);
      }}
      renderOption={({ key, ...attributes }, hit) => (
        <li key={key} {...attributes}>
          <Option hit={hit} />
        </li>
      )}
      renderInput={(attributes) => (
        <TextField
          {...attributes}
          margin="dense"
          label={text("search.label")}
          slotProps={{
            ...attributes.slotProps,
            htmlInput: { ...attributes.slotProps.htmlInput, spellCheck: false, maxLength: 200 },
          }}
        />
      )}
    />
  );
}

function Option({ hit }: { hit: Hit }): ReactElement {
  return (
    <LeadRow>
      <b>{hit.label}</b>
      <MutedText>{hit.detail}</MutedText>
      {hit.status && <StatusChip {...hit.status} />}
    </LeadRow>
  );
}

/** A text once it has not changed for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
