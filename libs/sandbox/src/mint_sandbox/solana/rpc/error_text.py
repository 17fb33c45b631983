"""A transaction's error in words, as Agave's `Display` writes it in preflight failures. Pure."""

from __future__ import annotations

import re
from typing import Any

_TRANSACTION = {
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
    "InsufficientFundsForFee": "Insufficient funds for fee",
    "InvalidAccountForFee": "This account may not be used to pay transaction fees",
    "ProgramAccountNotFound": "Attempt to load a program that does not exist",
    "SignatureFailure": "Transaction did not pass signature verification",
}
_INSTRUCTION = {
    "AccountAlreadyInitialized": "instruction requires an uninitialized account",
    "ComputationalBudgetExceeded": "Computational budget exceeded",
    "IncorrectProgramId": "incorrect program id for instruction",
    "InsufficientFunds": "insufficient funds for instruction",
    "InvalidAccountData": "invalid account data for instruction",
    "InvalidArgument": "invalid program argument",
    "InvalidInstructionData": "invalid instruction data",
    "MissingRequiredSignature": "missing required signature for instruction",
    "ProgramFailedToComplete": "Program failed to complete",
    "UninitializedAccount": "instruction requires an initialized account",
}


def error_text(err: Any) -> str:
    """The words for an error in the form of the JSON-RPC."""
    if isinstance(err, str):
        return _TRANSACTION.get(err, _words(err))
    name, detail = next(iter(err.items()))
    if name == "InstructionError":
        return f"Error processing Instruction {detail[0]}: {_instruction(detail[1])}"
    if name == "InsufficientFundsForRent":
        index = detail["account_index"]
        return f"Transaction results in an account ({index}) with insufficient funds for rent"
    return _words(name)


def _instruction(err: Any) -> str:
    if isinstance(err, str):
        return _INSTRUCTION.get(err, _words(err))
    name, detail = next(iter(err.items()))
    return f"custom program error: {detail:#x}" if name == "Custom" else _words(name)


def _words(name: str) -> str:
    """For the rare rest: `InvalidAccountIndex` becomes `Invalid account index`."""
    return re.sub(r"(?<!^)([A-Z])", lambda found: " " + found[0].lower(), name)
