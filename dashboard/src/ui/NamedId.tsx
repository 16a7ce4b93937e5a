import { createContext, type ReactElement, use } from "react";
import { ShortId } from "./format";

type Kind = "branch" | "source";

/** Gives the names of branches and source accounts to everything below; none by default. */
export const NamesContext = createContext<(kind: Kind, id: string) => string>(() => "");

/** A branch or a source account: the name that people gave it, and its shortened id. */
export function NamedId({ kind, id }: { kind: Kind; id: string }): ReactElement {
  const name = use(NamesContext)(kind, id);
  if (!name) return <ShortId id={id} />;
  return (
    <>
      {name} · <ShortId id={id} />
    </>
  );
}
