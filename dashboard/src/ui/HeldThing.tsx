import type { ReactElement } from "react";
import { T, useApiText } from "../i18n/i18n";
import { NamedId } from "./NamedId";
import { PersonLink } from "./PersonLink";
import { WithShortIds } from "./WithShortIds";

type HeldThingProps = {
  hold: {
    kind: "person" | "loan" | "branch" | "source";
    shown: string;
    held_id: string;
    person?: { person_id: string; name: string } | null;
  };
};

/** What a hold is on, by its name for those who may see it, and by its id. */
export function HeldThing({ hold }: HeldThingProps): ReactElement {
  const { kind, shown, held_id: id, person } = hold;
  const apiText = useApiText();
  if ((kind === "branch" || kind === "source") && id)
    return (
      <>
        <T id={`hold.kind.${kind}`} /> <NamedId kind={kind} id={id} />
      </>
    );
  return (
    <>
      <WithShortIds text={apiText(shown, "values")} />
      {person && (
        <>
          {" · "}
          <PersonLink person={person} />
        </>
      )}
    </>
  );
}
