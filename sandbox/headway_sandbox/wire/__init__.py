"""AWS's protocols on the wire: what a request asks for, REST documents, errors in each protocol's form."""
