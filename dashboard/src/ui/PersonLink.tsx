import type { ReactElement } from "react";
import { Link } from "./links";

type PersonLinkProps = { person: { person_id: string; name: string } };

/** A person's name, which leads to the person's page. */
export function PersonLink({ person }: PersonLinkProps): ReactElement {
  return (
    <Link to="/employees/$personId" params={{ personId: person.person_id }}>
      {person.name || "—"}
    </Link>
  );
}
